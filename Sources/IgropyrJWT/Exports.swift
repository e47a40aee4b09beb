@_exported public import JWTKit
