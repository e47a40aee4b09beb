import FoundationEssentials
import Glibc
import IgropyrOrchestration
import Testing

@testable import IgropyrCluster

private let shop = ApplicationName(rawValue: "shop")!
private let blog = ApplicationName(rawValue: "blog")!

private func key(_ seed: UInt8) -> ClusterKey { ClusterKey(bytes: (0..<32).map { $0 &+ seed })! }

@Suite struct `A secret` {
    private let sealing = SecretSealing(keys: [key(1)])
    private let value = Array("s3cr3t".utf8)

    @Test func `opens for its application and its name, and nowhere else`() throws {
        let sealed = try sealing.seal(value, "TOKEN", of: shop)
        #expect(try sealing.open(sealed, "TOKEN", of: shop) == value)
        #expect(throws: SecretError.damaged("OTHER")) { try sealing.open(sealed, "OTHER", of: shop) }
        #expect(throws: SecretError.damaged("TOKEN")) { try sealing.open(sealed, "TOKEN", of: blog) }
        var older = sealed
        older.version = "1"
        #expect(throws: SecretError.damaged("TOKEN")) { try sealing.open(older, "TOKEN", of: shop) }
    }

    @Test func `does not show, however often it is sealed`() throws {
        let sealed = try (0..<20).map { _ in try sealing.seal(value, "TOKEN", of: shop) }
        #expect(Set(sealed.map(\.box)).count == 20 && Set(sealed.map(\.version)).count == 20)
        for one in sealed { #expect(Data(base64Encoded: one.box)?.range(of: Data(value)) == nil) }
    }

    @Test func `does not open once any of it was changed`() throws {
        let sealed = try sealing.seal(value, "TOKEN", of: shop)
        let bytes = try #require(Data(base64Encoded: sealed.box))
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            let box = SealedValue(version: sealed.version, key: sealed.key, box: changed.base64EncodedString())
            #expect(throws: SecretError.damaged("TOKEN")) { try sealing.open(box, "TOKEN", of: shop) }
        }
        for box in ["", "AA==", "no Base64"] {
            let broken = SealedValue(version: sealed.version, key: sealed.key, box: box)
            #expect(throws: SecretError.damaged("TOKEN")) { try sealing.open(broken, "TOKEN", of: shop) }
        }
    }

    @Test func `goes over to a new key as the same, and workers stay`() throws {
        let sealed = try sealing.seal(value, "TOKEN", of: shop)
        let later = SecretSealing(keys: [key(2), key(1)])
        let resealed = try #require(later.resealed(sealed, "TOKEN", of: shop))
        #expect(resealed.version == sealed.version && resealed.key == key(2).fingerprint && resealed.box != sealed.box)
        #expect(later.resealed(resealed, "TOKEN", of: shop) == nil)
        #expect(try SecretSealing(keys: [key(2)]).open(resealed, "TOKEN", of: shop) == value)
        let error = #expect(throws: SecretError.self) {
            try SecretSealing(keys: [key(2)]).open(sealed, "TOKEN", of: shop)
        }
        #expect(error?.description.contains("igropyr secret set shop TOKEN") == true)
        var (old, new) = (spec(), spec())
        old.secrets = ["TOKEN": Secret(value: sealed)]
        new.secrets = ["TOKEN": Secret(value: resealed)]
        #expect(old != new && old.worker == new.worker)
        new.secrets["TOKEN"]?.value = try later.seal(value, "TOKEN", of: shop)
        #expect(old.worker != new.worker)
    }

    @Test func `needs a cluster with a key, and has a bound`() throws {
        #expect(throws: SecretError.noKey) { try SecretSealing(keys: []).seal(value, "TOKEN", of: shop) }
        let most = [UInt8](repeating: 1, count: SecretSealing.limitBytes)
        #expect(try sealing.open(sealing.seal(most, "TOKEN", of: shop), "TOKEN", of: shop) == most)
        #expect(throws: SecretError.tooLarge("TOKEN")) { try sealing.seal(most + [1], "TOKEN", of: shop) }
    }

    @Test func `is a variable or a file, and a variable must be text`() throws {
        let bytes: [UInt8] = [0, 255]
        let file = Secret(.file, value: try sealing.seal(bytes, "KEY", of: shop))
        let variable = Secret(value: try sealing.seal(value, "TOKEN", of: shop))
        var content = spec()
        content.secrets = ["KEY": file, "TOKEN": variable]
        let opened = try OpenedSecrets(content.worker.secrets, of: shop, sealing)
        #expect(opened.variables == ["TOKEN": "s3cr3t"] && opened.files == ["KEY": Data(bytes)])
        content.secrets["KEY"]?.delivery = .environment
        #expect(throws: SecretError.noText("KEY")) { try OpenedSecrets(content.worker.secrets, of: shop, sealing) }
        content.secrets = ["NONE": Secret()]
        #expect(throws: SecretError.missing("NONE", shop)) {
            try OpenedSecrets(content.worker.secrets, of: shop, sealing)
        }
    }

    @Test func `is in memory only while its worker runs, for nobody else`() async throws {
        let folder = try TemporaryFolder()
        try folder.write("#!/bin/sh\n", to: "data/bundles/abc/run", permissions: 0o755)
        let site = WorkerPlace.Site(dataFolder: folder("data"), host: HostConfinement(groups: nil))
        let slot = WorkerSlot(application: shop, host: HostName(rawValue: "a")!, index: 0)
        let (place, confines) = try WorkerPlace.make(
            for: slot, Confinement(), bundle: folder("data/bundles/abc"), secrets: ["KEY": Data("s3cr3t".utf8)],
            at: site)
        let (text, path) = (confines.text, place.secretFolder)
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            [text = text as String, path = path as String] in
            setenv(Confines.variable, text, 1)
            let script =
                "cat \(path)/KEY; echo; stat -c %a \(path) \(path)/KEY; stat -f -c %T \(path); [ -O \(path)/KEY ]"
            try Launcher.exec(["--parent", "\(getppid())", "--", "/bin/sh", "-c", script])
        }
        let output = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
        #expect(output == "s3cr3t\n700\n400\ntmpfs\n")
        // As if its node had died, and its data folder were gone.
        try FileSystem.removeTree(folder("data"))
        WorkerPlace.removeAbandoned(by: folder("another"))
        #expect(!FileSystem.exists(place.memoryFolder))
    }

    private func spec() -> DeploymentSpec {
        DeploymentSpec(revision: BundleDigest(rawValue: String(repeating: "a", count: 64))!, kind: .site)
    }
}
