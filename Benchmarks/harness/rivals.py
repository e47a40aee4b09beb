"""What others make, set up as their users would for one processor: no access log, connections kept and reused."""
from .programs import FOLDER, Server, build, compile_c, free_port

NGINX = """
daemon off; master_process on; worker_processes 1; pid {folder}/{name}.pid; error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 75s;
    client_body_temp_path {folder}/{name}-body; proxy_temp_path {folder}/{name}-proxy;
    fastcgi_temp_path {folder}/{name}-fastcgi; uwsgi_temp_path {folder}/{name}-uwsgi; scgi_temp_path {folder}/{name}-scgi;
    {http}
    server {{
        listen 127.0.0.1:{port} {listen} backlog=4096;
        location / {{ {location} }}
    }}
}}
"""

NGINX_UPSTREAM = "upstream backend {{ server 127.0.0.1:{port}; keepalive 128; keepalive_requests 100000000; }}"
NGINX_PROXY = """
    proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
"""

HAPROXY = """
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    option forwardfor
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend entrance
    bind 127.0.0.1:{port}
    default_backend workers
backend workers
    server worker 127.0.0.1:{upstream}
"""


def nginx_hello(folder, port, body, core, name="nginx"):
    location = f'default_type text/plain; return 200 "{body}";'
    return nginx(folder, port, name, "", location, core)


def nginx_hello_tls(folder, port, body, chain, key, core):
    """With tickets, as ours; the rest of nginx's defaults for TLS 1.2 and 1.3."""
    tls = f"ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off;"
    return nginx(folder, port, "nginx", tls, f'default_type text/plain; return 200 "{body}";', core, listen="ssl")


def nginx_hello_http2(folder, port, body, core):
    return nginx(folder, port, "nginx", "", f'default_type text/plain; return 200 "{body}";', core, listen="http2")


def nginx_files(folder, port, site, core):
    return nginx(folder, port, "nginx", "sendfile on; tcp_nopush on;", f"root {site};", core)


def nginx_proxy(folder, port, upstream, core):
    return nginx(folder, port, "nginx", NGINX_UPSTREAM.format(port=upstream), NGINX_PROXY, core)


def nginx_fastcgi(folder, port, site, socket, kept, core):
    """By Debian's parameters for FastCGI; a connection for each request unless some are kept."""
    upstream = f"upstream php {{ server unix:{socket}; {f'keepalive {kept};' if kept else ''} }}"
    location = f"root {site}; include /etc/nginx/fastcgi.conf; fastcgi_pass php; {'fastcgi_keep_conn on;' if kept else ''}"
    return nginx(folder, port, "nginx", upstream, location, core)


def nginx(folder, port, name, http, location, core, listen=""):
    file = folder / f"{name}-{port}.conf"
    file.write_text(NGINX.format(folder=folder, name=f"{name}-{port}", port=port, http=http, location=location, listen=listen))
    return Server(name, port, ["nginx", "-e", "stderr", "-c", file], core)


def haproxy(folder, port, upstream, core):
    file = folder / "haproxy.cfg"
    file.write_text(HAPROXY.format(port=port, upstream=upstream))
    return Server("HAProxy", port, ["haproxy", "-f", file], core)


def epoll(folder, core):
    """No server at all, the floor: rivals/epoll.c."""
    port = free_port()
    return Server("bare epoll in C", port, [compile_c("epoll", folder), port], core)


def node(core):
    port = free_port()
    return Server("Node.js", port, ["node", FOLDER / "rivals/hello.js", port], core)


def hummingbird(core):
    port = free_port()
    return Server("Hummingbird", port, [build("Hello", FOLDER / "rivals/hummingbird-hello"), port], core)
