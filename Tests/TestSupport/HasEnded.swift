import IgropyrUV

/// Whether a process is gone, or waits as a zombie for a parent that does not ask.
public func hasEnded(_ pid: Int32) -> Bool { ProcessStatus(of: pid)?.isZombie ?? true }
