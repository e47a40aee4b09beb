// Methods, statuses and fields are the ecosystem's currency types: whoever imports Igropyr has them.
@_exported public import HTTPTypes
