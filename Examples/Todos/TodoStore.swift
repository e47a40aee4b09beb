import Igropyr

struct Todo: ResponseCodable, Sendable {
    let id: Int
    var title: String
    var isDone = false
}

/// The list, in memory: it is gone when the program ends.
actor TodoStore {
    private static let limit = 10_000

    private var todos: [Int: Todo] = [:]
    private var lastID = 0

    func all(isDone: Bool?) -> [Todo] {
        todos.values.filter { isDone == nil || $0.isDone == isDone }.sorted { $0.id < $1.id }
    }

    func find(_ id: Int) -> Todo? { todos[id] }

    func add(_ title: String) throws -> Todo {
        guard todos.count < Self.limit else { throw HTTPFailure(.conflict, "The list is full.") }
        lastID += 1
        let todo = Todo(id: lastID, title: title)
        todos[lastID] = todo
        return todo
    }

    /// Nil if there is none of that number.
    func change(_ id: Int, _ change: @Sendable (inout Todo) -> Void) -> Todo? {
        guard var todo = todos[id] else { return nil }
        change(&todo)
        todos[id] = todo
        return todo
    }

    func remove(_ id: Int) -> Bool { todos.removeValue(forKey: id) != nil }
}
