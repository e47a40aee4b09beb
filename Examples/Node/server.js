#!/usr/bin/env node
// A worker on Node.js: it serves on the socket that the node hands over, descriptor 3.
const http = require("http");

const server = http.createServer((request, response) => {
  response.end(`Hello from ${process.env.IGROPYR_HOST}, Node.js, path ${request.url}\n`);
});
server.listen({ fd: 3 });

process.on("SIGTERM", () => server.close()); // Requests under way finish, then it ends.
