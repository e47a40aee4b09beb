import Testing

/// Real programs on hosts of their own, as operators use them. One test at a time: they measure.
@Suite(
    .serialized, .timeLimit(.minutes(10)),
    .enabled(if: Binaries.obstacle == nil, "\(Binaries.obstacle ?? "")")
)
struct EndToEnd {}
