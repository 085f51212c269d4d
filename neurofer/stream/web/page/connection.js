// The WebSocket: messages taken apart, and tried again with growing pauses when it breaks.

const LONGEST_S = 8;

export class Connection {
  /** Handlers are called with a message by its kind, `shown` with its parts, too; `away` with seconds until a try. */
  constructor(handlers) {
    [this.handlers, this.socket, this.pause] = [handlers, null, 0.5];
  }

  open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => this.take(event.data));
    socket.addEventListener("close", (event) => {
      if (this.socket !== socket) return;
      if (event.reason) this.handlers.error({ text: event.reason });
      this.handlers.away(this.pause);
      setTimeout(() => this.open(), 1000 * this.pause);
      this.pause = Math.min(LONGEST_S, 2 * this.pause);
    });
    this.socket = socket;
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  take(data) {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.kind === "hello") this.pause = 0.5;
      this.handlers[message.kind]?.(message);
      return;
    }
    const length = new DataView(data).getUint32(0, true);
    const message = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    let place = 4 + length;
    const parts = message.parts.map((part) => {
      const bytes = new Uint8Array(data, place, part.bytes);
      place += part.bytes;
      return { ...part, data: bytes };
    });
    this.handlers[message.kind]?.(message, parts);
  }
}
