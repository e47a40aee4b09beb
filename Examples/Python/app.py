#!/usr/bin/env python3
"""A worker with nothing but Python's own library: it serves on the socket that the node hands over, descriptor 3."""

import http.server
import os
import signal
import socket
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # The balancer keeps its connections.
    timeout = 5  # In seconds: one that rests does not hold up the end for longer.

    def do_GET(self):
        body = f"Hello from {os.environ['IGROPYR_HOST']}, Python, path {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # At the end, requests under way finish.
    block_on_close = True


server = Server(("", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=3)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
