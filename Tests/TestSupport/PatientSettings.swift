public import IgropyrDatabase

extension PoolSettings {
    /// For a machine on which all is slow: what is to take too long says so itself.
    public static var patient: PoolSettings {
        var settings = PoolSettings()
        settings.connectTimeout = .seconds(60)
        settings.waitTimeout = .seconds(60)
        settings.queryTimeout = .seconds(200)  // The thread sanitizer takes most of a minute for the longest.
        return settings
    }
}
