/// An open file that several functions of the thread pool use in turn; closed with the object.
final class SharedFile: Sendable {
    let file: OpenFile

    init(_ file: consuming OpenFile) { self.file = file }
}

extension WorkerLog {
    func opened() throws(FileError) -> SharedFile { SharedFile(try open()) }
}
