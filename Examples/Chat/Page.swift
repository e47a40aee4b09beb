import Igropyr

let page = HTML(
    """
    <!doctype html>
    <html lang="en"><meta charset="utf-8"><title>Chat</title>
    <ul id="said"></ul>
    <form><input id="line" autofocus autocomplete="off" aria-label="What you say"><button>Say</button></form>
    <script src="chat.js"></script></html>

    """)

let script = """
    const said = document.getElementById("said"), line = document.getElementById("line");
    const url = new URL("room", location);
    url.protocol = url.protocol.replace("http", "ws");
    let socket;

    function note(text) {
        said.appendChild(document.createElement("li")).textContent = text;
        line.scrollIntoView();
    }

    function enter() {
        socket = new WebSocket(url);
        socket.onmessage = event => note(event.data);
        socket.onclose = event => {
            note(`Disconnected${event.reason ? `: ${event.reason}` : ""}; trying again.`);
            setTimeout(enter, 1000);
        };
    }

    document.forms[0].onsubmit = event => {
        event.preventDefault();
        if (socket.readyState === WebSocket.OPEN && line.value) socket.send(line.value);
        line.value = "";
    };
    enter();

    """
