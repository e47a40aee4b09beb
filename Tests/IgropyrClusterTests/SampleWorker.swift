import IgropyrOrchestration
import IgropyrUV

@testable import IgropyrCluster

/// A worker in a few lines of Perl, which every Debian has: the contract is for any language.
enum SampleWorker {
    /// Answers each connection with its application, host, index and process, and with what it was given to say.
    static let script = #"""
        #!/usr/bin/perl
        use strict; use Socket; use IO::Handle;
        $ENV{LISTEN_PID} == $$ && $ENV{LISTEN_FDS} == 1 or die "no socket";
        open(my $listener, "+<&=", 3) or die $!;
        sub notify {
            my $name = $ENV{NOTIFY_SOCKET}; $name =~ s/^@/\0/;
            socket(my $out, AF_UNIX, SOCK_DGRAM, 0);
            send($out, $_[0], 0, pack_sockaddr_un($name)) or die $!;
        }
        exit 4 if $ENV{SAYS} eq "silence";
        print "says $ENV{SAYS}\n";
        exit 3 if $ENV{SAYS} eq "nothing";
        sleep 3 if $ENV{SAYS} eq "slowly";
        if ($ENV{SAYS} eq "behind" and !fork) { exec "sleep", "1000"; }
        $listener->blocking(1);
        # Tells the others of its application.
        sub publish {
            my ($port, $path) = $ENV{IGROPYR_TOPICS} =~ m{^http://127\.0\.0\.1:(\d+)(/.*)} or die "no topics";
            socket(my $node, AF_INET, SOCK_STREAM, 0);
            connect($node, pack_sockaddr_in($port, inet_aton("127.0.0.1"))) or die $!;
            my $body = '{"topic":"news","text":"' . $_[0] . '"}';
            syswrite($node, "POST $path HTTP/1.1\r\nHost: node\r\nConnection: close\r\nContent-Length: "
                . length($body) . "\r\n\r\n$body");
            sysread($node, my $answer, 4096);
        }
        my $stopping = 0;
        $SIG{TERM} = sub {
            notify("STOPPING=1");
            if ($ENV{SAYS} eq "farewell") { sleep 1; publish("$ENV{IGROPYR_HOST} ends"); }
            $stopping = 1;
        };
        if ($ENV{SAYS} eq "by another") { if (!fork) { notify("READY=1"); exec "sleep", "1000"; } }
        else { notify("READY=1"); }
        while (!$stopping) {
            notify("WATCHDOG=1") if $ENV{WATCHDOG_USEC};
            accept(my $client, $listener) or next;
            my $head = "";
            while ($head !~ /\r\n\r\n/) { sysread($client, $head, 4096, length $head) or last; }
            kill 9, $$ if $head =~ m{^GET /die};
            publish("$ENV{IGROPYR_HOST} has news") if $head =~ m{^GET /publish};
            my $body = "$ENV{IGROPYR_APPLICATION}/$ENV{IGROPYR_HOST}/$ENV{IGROPYR_WORKER} $$ $ENV{SAYS}";
            syswrite($client, "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body");
            close $client;
        }
        exit 0;
        """#

    /// What Perl can do of ``Launcher``: tests do not have the `igropyr` binary.
    static let settings = WorkerSettings(
        launcher: ["/usr/bin/perl", "-e", launcher, "launch"], siteServer: ["/bin/false"])
    private static let launcher = #"""
        shift while $ARGV[0] ne "--"; shift;
        $ENV{LISTEN_PID} = $$;
        for (1..100) { exec { $ARGV[0] } @ARGV; last unless $!{ETXTBSY}; select undef, undef, undef, 0.01; }
        print STDERR "$ARGV[0]: $!\n"; exit 126;
        """#

    /// Archives the script in `folder`.
    static func bundle(
        in folder: TemporaryFolder, named name: String = "worker"
    ) throws -> (
        path: String, summary: BundleArchive.Summary
    ) {
        try folder.write(script, to: "bundle/\(name)", permissions: 0o755)
        let path = folder("\(name).tar")
        return (path, try BundleArchive.create(from: folder("bundle/\(name)"), to: path))
    }

    static func spec(
        _ summary: BundleArchive.Summary, says: String = "hello", scale: DeploymentSpec.Scale = .perHost(1)
    ) -> DeploymentSpec {
        DeploymentSpec(
            revision: summary.digest, kind: summary.kind, environment: ["SAYS": says], scale: scale,
            stopTimeoutMilliseconds: 5000, startTimeoutMilliseconds: 60_000)
    }
}
