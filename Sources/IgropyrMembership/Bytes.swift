internal import IgropyrUV

// Between the core's arrays and the spans that sockets lend and borrow.

extension RawSpan {
    var copied: [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
            unsafe withUnsafeBytes { unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: $0) }
            count = byteCount
        }
    }
}

extension TCPStream {
    func write(_ bytes: [UInt8]) { unsafe write(bytes.span.bytes) }
}

extension UDPSocket {
    func send(_ bytes: [UInt8], to address: SocketAddress) { unsafe send(bytes.span.bytes, to: address) }
}
