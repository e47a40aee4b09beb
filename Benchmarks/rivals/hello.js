// Node.js as its documentation shows it. Usage: node hello.js PORT
require("node:http")
  .createServer((request, response) => {
    response.setHeader("Content-Type", "text/plain; charset=utf-8");
    response.end("Hello, world\n");
  })
  .listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
