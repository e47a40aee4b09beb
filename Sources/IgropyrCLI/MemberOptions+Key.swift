import ArgumentParser
import Foundation
import IgropyrCluster
import IgropyrMembership
import IgropyrUV

extension MemberOptions {
    /// Where the cluster's key is: the file that is named, unless it holds a token or, with one, does not exist; else
    /// the data folder's; else what a node gives for the token, however long one takes to answer. Nil without any.
    func keyFile(
        keptIn dataFolder: String?, askingBy membership: MembershipConfiguration, on loop: EventLoop
    ) async throws -> String? {
        var (text, source) = (tokenText, "--token")
        if let named = keyFilePath, text == nil || FileManager.default.fileExists(atPath: named) {
            guard let found = JoinToken.text(inFileAt: named) else { return named }
            (text, source) = (found, named)
        }
        if let kept = dataFolder.flatMap(Admission.keyFile(inDataFolder:)) { return kept }
        guard let text else { return nil }
        guard let token = JoinToken(text: text) else {
            throw ValidationError("\(source): this is no token of igropyr token, or not all of it.")
        }
        guard let dataFolder else {
            throw ValidationError("a token needs a folder where the key is kept: --data FOLDER.")
        }
        guard !join.isEmpty || discover != nil else {
            throw ValidationError("a token needs a node to show it to: --join ADDRESS, or --discover.")
        }
        return try await Admission.keyFile(by: token, askingBy: membership, inDataFolder: dataFolder, on: loop)
    }
}
