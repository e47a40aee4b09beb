// A list of things to do, by JSON.
//
//   curl localhost:8080/todos -H 'Content-Type: application/json' -d '{"title":"Water the plants"}'
//   curl localhost:8080/todos?done=false
//   curl localhost:8080/todos/1 -X PATCH -H 'Content-Type: application/json' -d '{"isDone":true}'
//   curl localhost:8080/todos/1 -X DELETE

import Glibc
import Igropyr

struct NewTodo: Decodable { var title: String }

struct TodoChange: Decodable, Sendable {
    var title: String?
    var isDone: Bool?
}

struct TodoFilter: Decodable { var done: Bool? }

func number(_ request: Request) throws -> Int {
    guard let id = request.parameters["id"].flatMap({ Int($0) }) else { throw HTTPFailure(.notFound) }
    return id
}

let app = App()
let store = TodoStore()

app.use(RequestIDs())
app.use(CORS(origins: .any))

let todos = app.group("/todos", bodyLimit: 16 << 10, timeout: .seconds(5))

todos.get("/") { request async throws in
    await store.all(isDone: try request.query.decode(TodoFilter.self).done)
}

todos.post("/") { request async throws in
    let new: NewTodo = try await request.decode()
    let todo = try await store.add(new.title)
    return JSON(todo, status: .created).with(.location, "/todos/\(todo.id)")
}

todos.get("/:id") { request async throws in await store.find(try number(request)) }

todos.patch("/:id") { request async throws in
    let (id, change) = (try number(request), try await request.decode(TodoChange.self))
    return await store.change(id) { todo in
        if let title = change.title { todo.title = title }
        if let isDone = change.isDone { todo.isDone = isDone }
    }
}

todos.delete("/:id") { request async throws in
    guard await store.remove(try number(request)) else { throw HTTPFailure(.notFound) }
    return HTTPResponse.Status.noContent
}

do {
    try await app.run()
} catch {
    app.logger.critical("\(error)")
    exit(1)
}
