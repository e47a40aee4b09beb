@_exported public import IgropyrDatabase
