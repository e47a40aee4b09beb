"""A page of PHP by php-fpm, whose web server is measured; what PHP itself takes stands beside it."""
import glob
import pathlib
import tempfile

from . import rivals
from .http import Subject, compare
from .programs import IGROPYR, LOAD_CORE, SERVER_CORE, Missing, Server, free_port, require

CHILDREN, KEPT = 16, 8
PAGE = '<?php echo "Hello, world\\n";\n'
POOL = """
[global]
error_log = {folder}/php-fpm.log
daemonize = no
[www]
listen = {socket}
listen.mode = 0666
user = nobody
group = nogroup
pm = static
pm.max_children = {children}
"""
SITE = """
root: {site}
index: [hello.php]
loops: 1
handlers: {{php: {{fastcgi: {{address: "unix:{socket}", idle-connections: {kept}}}}}}}
"""


def measure(options):
    require("nginx", "wrk", "taskset", IGROPYR)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)  # nginx's worker is another user, and so is PHP.
        site = folder / "site"
        site.mkdir()
        (site / "hello.php").write_text(PAGE)
        for title, kept in (("a connection to PHP for each request", 0), (f"{KEPT} connections to PHP kept", KEPT)):
            print(f"\n{title}\n")
            # Each with PHP of its own: the connections that one keeps hold children, which the other would be without.
            sockets = [folder / f"{name}-{kept}.sock" for name in ("igropyr", "nginx")]
            with (
                php(folder, sockets[0]) as our_backend,
                php(folder, sockets[1]) as other_backend,
                igropyr(folder, site, sockets[0], kept) as ours,
                rivals.nginx_fastcgi(folder, free_port(), site, sockets[1], kept, SERVER_CORE) as nginx,
            ):
                subjects = ((ours, our_backend), (nginx, other_backend))
                compare([Subject(server.name, server, "/hello.php", backend=backend) for server, backend in subjects], options)


def php(folder, socket):
    programs = sorted(glob.glob("/usr/sbin/php-fpm*"))
    if not programs:
        raise Missing("no php-fpm here: cluster/setup --bench installs it")
    file = folder / f"{socket.name}.conf"
    file.write_text(POOL.format(folder=folder, socket=socket, children=CHILDREN))
    return Server("php-fpm", socket, [programs[-1], "-F", "-y", file], LOAD_CORE)


def igropyr(folder, site, socket, kept):
    file, port = folder / f"site-{kept}.yaml", free_port()
    file.write_text(SITE.format(site=site, socket=socket, kept=kept))
    return Server("Igropyr", port, [IGROPYR, "serve", "--config", file, "--listen", f"127.0.0.1:{port}"])
