package import IgropyrUV

extension UVError {
    /// Whether it says that there is nothing to serve, rather than that we, or the file system, are in trouble.
    package var isAbsence: Bool { Self.absences.contains(code) }

    private static let absences: Set<Int32> = [
        notFound, notAFolder, accessDenied, notPermitted, tooManySymlinks, leadsElsewhere, nameTooLong, noSuchDevice,
        invalidArgument,
    ]
}
