// Methods, statuses and fields are the ecosystem's currency types: whoever imports Igropyr has them.
@_exported public import HTTPTypes

// What `App.tls` and `Request.clientCertificate` are made of.
@_exported public import struct IgropyrTransport.TLSConfiguration
@_exported public import struct IgropyrTransport.TLSError
@_exported public import struct IgropyrTransport.TLSPeerCertificate
