extension DNSMessage {
    /// Names are not compressed: few and short, they fit a packet as they are.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        var flags = UInt16(responseCode & 0x0F) | UInt16(operation & 0x0F) << 11
        if isResponse { flags |= 0x8000 }
        if isAuthoritative { flags |= 0x0400 }
        if isTruncated { flags |= 0x0200 }
        for number in [id, flags, UInt16(questions.count), UInt16(answers.count), 0, UInt16(additional.count)] {
            bytes.append(number)
        }
        for question in questions {
            bytes.append(question.name)
            bytes.append(question.type)
            bytes.append(question.wantsUnicast ? 0x8001 as UInt16 : 0x0001)
        }
        for record in answers + additional { bytes.append(record) }
        return bytes
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ number: UInt16) {
        append(UInt8(number >> 8))
        append(UInt8(number & 0xFF))
    }

    fileprivate mutating func append(_ name: DNSName) {
        for label in name.labels {
            append(UInt8(label.count))
            self += label
        }
        append(0 as UInt8)
    }

    fileprivate mutating func append(_ record: DNSRecord) {
        append(record.name)
        append(record.content.type)
        append(record.isUnique ? 0x8001 as UInt16 : 0x0001)
        append(UInt16(record.timeToLive >> 16))
        append(UInt16(record.timeToLive & 0xFFFF))
        let content = record.content.bytes
        append(UInt16(content.count))
        self += content
    }
}

extension DNSRecord.Content {
    public var type: UInt16 {
        switch self {
        case .address: DNSType.address
        case .address6: DNSType.address6
        case .pointer: DNSType.pointer
        case .text: DNSType.text
        case .service: DNSType.service
        case .other(let type): type
        }
    }

    fileprivate var bytes: [UInt8] {
        var bytes: [UInt8] = []
        switch self {
        case .address(let address), .address6(let address): bytes = address
        case .pointer(let name): bytes.append(name)
        case .text(let texts):
            for text in texts.map({ $0.prefix(255) }) {
                bytes.append(UInt8(text.count))
                bytes += text
            }
        case .service(let service):
            bytes.append(service.priority)
            bytes.append(service.weight)
            bytes.append(service.port)
            bytes.append(service.target)
        case .other: break
        }
        return bytes
    }
}
