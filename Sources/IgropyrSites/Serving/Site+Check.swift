internal import Igropyr
internal import IgropyrUV

extension Site {
    /// Sees whether its roots are there and its logs can be written, and makes none of them.
    /// - Throws: what says which of them would keep it from being served, and why.
    public func checkFiles() throws {
        for host in [base] + hosts {
            _ = try host.openRoot()
            for file in [host.logs.access?.file, host.logs.errorFile, host.logs.debugFile] {
                guard let file else { continue }
                do throws(UVError) {
                    try LogFile.checkAppending(to: file)
                } catch {
                    throw SiteMistake(log: file, error)
                }
            }
        }
    }
}
