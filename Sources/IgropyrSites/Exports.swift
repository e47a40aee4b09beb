// Of users whose names and passwords let them in.
@_exported public import struct IgropyrPasswords.PasswordHash
