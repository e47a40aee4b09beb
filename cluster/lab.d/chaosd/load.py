"""A steady load of GETs through the balancer: whatever befalls the hosts, each must be answered by 200."""
import http.client
import itertools
import threading
import time

CLIENTS, PAUSE, PATIENCE = 8, 0.02, 60


class Load:
    def __init__(self, lab):
        self.lab = lab
        self.counts, self.longest, self.failures = [0] * CLIENTS, [0.0] * CLIENTS, []
        self.ends = threading.Event()
        self.clients = [threading.Thread(target=self.ask, args=(number,), daemon=True) for number in range(CLIENTS)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.ends.set()
        for client in self.clients:
            client.join()

    def ask(self, client):
        connection = None
        for number in itertools.count():
            if self.ends.wait(PAUSE):
                return
            begin = time.monotonic()
            try:
                connection = connection or http.client.HTTPConnection(self.lab.entrance, 8080, timeout=PATIENCE)
                if not self.is_answered(connection, f"/{client}/{number % 500}", begin):
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.note(begin, repr(error))
                connection = None
            self.counts[client] += 1
            self.longest[client] = max(self.longest[client], time.monotonic() - begin)

    def is_answered(self, connection, path, begin):
        """False if the connection ends with the response. One that rested may have ended meanwhile, which is no failure: the
        request is sent once more, as any client does (RFC 9110 section 9.2.2)."""
        try:
            connection.request("GET", path)
            response = connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            connection.close()
            connection.request("GET", path)
            response = connection.getresponse()
        text = response.read()
        if response.status != 200 or not text.startswith(b"Hello from host-"):
            self.note(begin, f"{response.status} {text[:80]!r}")
        return not response.will_close

    def note(self, begin, what):
        waited = time.monotonic() - begin
        self.failures.append(f"{what} after {waited:.1f} s")
        self.lab.say(f"GET FAILED: {what} after {waited:.1f} s")

    def summary(self):
        return f"{sum(self.counts)} GETs, {len(self.failures)} failed, longest {max(self.longest):.2f} s"
