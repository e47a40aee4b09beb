// Methods, statuses and fields are the ecosystem's currency types: whoever imports Igropyr has them.
@_exported public import HTTPTypes
// Values of HTTP that handlers make and settings name.
@_exported public import enum IgropyrHTTP.ContentCoding
@_exported public import struct IgropyrHTTP.EntityTag
@_exported public import struct IgropyrHTTP.HTTPDate
@_exported public import struct IgropyrHTTP.PathPattern
@_exported public import struct IgropyrHTTP.Validators
// How responses are compressed.
@_exported public import struct IgropyrCoding.Compression
// What goes through a WebSocket, and how it ends.
@_exported public import struct IgropyrHTTP.WebSocketCloseCode
@_exported public import enum IgropyrHTTP.WebSocketMessage
// What `App.tls` and `Request.clientCertificate` are made of.
@_exported public import struct IgropyrTransport.TLSConfiguration
@_exported public import struct IgropyrTransport.TLSError
@_exported public import struct IgropyrTransport.TLSPeerCertificate
// Where access logs go, and who keeps metrics.
@_exported public import struct IgropyrInsight.AccessLog
@_exported public import class IgropyrInsight.PrometheusMetrics
// The types of settings.
@_exported public import struct IgropyrHTTP.HTTPLimits
@_exported public import struct IgropyrHTTP.MultipartLimits
@_exported public import struct IgropyrTransport.HTTPServerSettings
@_exported public import enum IgropyrTransport.ProxyProtocolPolicy
@_exported public import struct IgropyrTransport.WebSocketSettings
@_exported public import struct IgropyrUV.IPNetwork
@_exported public import struct IgropyrUV.ProcessOwner
