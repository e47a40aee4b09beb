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
        {listen}
        location / {{ {location} }}
    }}
}}
"""

#: Three sizes of answers, for any path under these; requests' bodies are read and dropped.
NGINX_WORKERS = """
    root {site}; default_type text/plain; return 200 "{body}";
    location /100KB/ {{ try_files /100KB =404; }}
    location /10MB/ {{ try_files /10MB =404; }}
"""
NGINX_STATUS = "server {{ listen 127.0.0.1:{port}; location / {{ stub_status; }} }}"

NGINX_UPSTREAM = """
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    proxy_max_temp_file_size 0;
    upstream backend {{ hash $uri consistent; {workers} keepalive 128; keepalive_requests 100000000; }}
"""
NGINX_PROXY = """
    proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection {connection};
    proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
"""
NGINX_UPGRADE = "proxy_set_header Upgrade $http_upgrade;"

HAPROXY = """
global
    nbthread 1
    maxconn 8192
defaults
    mode http
    option forwardfor
    timeout connect 5s
    timeout client 75s
    timeout server 60s
    http-reuse always
frontend entrance
    bind 127.0.0.1:{port} {tls}
    default_backend workers
backend workers
    balance uri
    hash-type consistent
    {bound}
    {workers}
"""


def nginx_hello(folder, port, body, core):
    return nginx(folder, port, "nginx", "", f'default_type text/plain; return 200 "{body}";', core)


def nginx_hello_tls(folder, port, body, chain, key, core):
    return nginx(folder, port, "nginx", nginx_tls(chain, key), f'default_type text/plain; return 200 "{body}";', core, "ssl")


def nginx_tls(chain, key):
    """With tickets, as ours; the rest of nginx's defaults for TLS 1.2 and 1.3."""
    return f"ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off;"


def nginx_hello_http2(folder, port, body, core):
    return nginx(folder, port, "nginx", "", f'default_type text/plain; return 200 "{body}";', core, "http2")


def nginx_files(folder, port, site, core):
    return nginx(folder, port, "nginx", "sendfile on; tcp_nopush on;", f"root {site};", core)


def nginx_workers(folder, ports, status, body, site, core):
    """One process that has nothing to do and is several workers, each at a port; what it counts is told at `status`."""
    location = NGINX_WORKERS.format(site=site, body=body)
    return nginx(folder, ports[0], "workers", "sendfile on; tcp_nopush on;" + NGINX_STATUS.format(port=status), location, core,
                 others=ports[1:])


def nginx_balancer(folder, port, workers, core, tls=None, upgrades=False):
    """By consistent hash of the path; it does not bound loads. No response goes to a disk. `tls` is chain and key."""
    http = NGINX_UPSTREAM.format(workers=" ".join(f"server 127.0.0.1:{worker};" for worker in workers))
    location = NGINX_PROXY.format(connection="$connection_upgrade" if upgrades else '""') + (NGINX_UPGRADE if upgrades else "")
    return nginx(folder, port, "nginx", http + (nginx_tls(*tls) if tls else ""), location, core, "ssl http2" if tls else "")


def nginx_fastcgi(folder, port, site, socket, kept, core):
    """By Debian's parameters for FastCGI; a connection for each request unless some are kept."""
    upstream = f"upstream php {{ server unix:{socket}; {f'keepalive {kept};' if kept else ''} }}"
    location = f"root {site}; include /etc/nginx/fastcgi.conf; fastcgi_pass php; {'fastcgi_keep_conn on;' if kept else ''}"
    return nginx(folder, port, "nginx", upstream, location, core)


def nginx(folder, port, name, http, location, core, parameters="", others=()):
    """`parameters` are those of `listen`; it listens at the `others`, too."""
    file = folder / f"{name}-{port}.conf"
    listen = " ".join(f"listen 127.0.0.1:{each} {parameters} backlog=4096;" for each in (port, *others))
    file.write_text(NGINX.format(folder=folder, name=f"{name}-{port}", http=http, location=location, listen=listen))
    return Server(name, port, ["nginx", "-e", "stderr", "-c", file], core)


def haproxy(folder, port, workers, core, tls=None, bound=None):
    """By consistent hash of the path; `bound` is the factor of bounded loads. `tls` is chain and key."""
    if tls:
        both = folder / "haproxy.pem"
        both.write_text("".join(file.read_text() for file in tls))
    file = folder / f"haproxy-{port}.cfg"
    file.write_text(HAPROXY.format(
        port=port, tls=f"ssl crt {both} alpn h2,http/1.1" if tls else "",
        bound=f"hash-balance-factor {bound * 100:.0f}" if bound else "",
        workers="\n    ".join(f"server worker{worker} 127.0.0.1:{worker}" for worker in workers)))
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
