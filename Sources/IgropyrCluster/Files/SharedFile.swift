/// An open file that several functions of the thread pool use in turn; closed with the object.
final class SharedFile: Sendable {
    let file: BlockingFile

    init(_ file: consuming BlockingFile) { self.file = file }
}

extension WorkerLog {
    func opened() throws(FileError) -> SharedFile { SharedFile(try open()) }
}
