// SPDX-License-Identifier: Apache-2.0
// Node's network in a container: "get URL" prints what http got, twenty times at once; "dial HOST PORT"
// talks to an echo server; "serve PORT" answers HTTP with the client's address.
const http = require("http");
const net = require("net");

function fail(error) {
	console.log("node:", error.message || error);
	process.exit(1);
}

function get(url) {
	return new Promise((done, failed) => {
		http.get(url, { timeout: 10000 }, (answer) => {
			let body = "";
			answer.on("data", (part) => { body += part; });
			answer.on("end", () => done(body));
		}).on("error", failed);
	});
}

function dial(host, port) {
	const s = net.connect({ host, port, allowHalfOpen: true }, () => s.end("from node\n"));
	s.setTimeout(5000, () => fail("timeout"));
	s.on("data", (data) => process.stdout.write(data));
	s.on("error", fail);
	s.on("end", () => process.exit(0));
}

function serve(port) {
	http.createServer((request, answer) => {
		answer.end("node saw " + request.socket.remoteAddress.replace("::ffff:", "") + "\n");
	}).listen(port, () => console.log("ready"));
}

const [verb, ...args] = process.argv.slice(2);
if (verb === "get")
	Promise.all(Array.from({ length: 20 }, () => get(args[0]))).then((bodies) => {
		if (bodies.some((body) => body !== bodies[0]))
			fail("different answers");
		process.stdout.write(bodies[0]);
		process.exit(0);
	}, fail);
else if (verb === "dial")
	dial(args[0], Number(args[1]));
else
	serve(Number(args[0]));
