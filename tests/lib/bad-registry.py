#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves, for tests of pull. Serves one image, moss/bad:TAG, over plain HTTP.

    bad-registry.py PORT-FILE LAYER.tar.gz

writes its port to PORT-FILE. The tag says what goes wrong:

    good        nothing
    token       wants a bearer token from its own token server; tokens die after two uses
    cut         each layer request breaks off half-way (a client that resumes gets through)
    cut-always  each layer request breaks off before its first byte
    no-range    breaks off once, and answers Range requests with all of it
    short       the layer ends early, with a Content-Length to match
    long        the layer goes on beyond its size
    endless     the layer never ends
    wrong       a layer whose bytes do not match the digest
    wrong-diff  a layer that does not match the image configuration's diff id
    wrong-config, wrong-manifest (by digest: ask for moss/bad@DIGEST of "good")
    loop        redirects in a circle
    leak        redirects the layer to another host name, which fails if it is sent credentials
    busy        answers 503 with Retry-After once for each thing asked
    huge        a manifest of 64 MB
    schema1     a manifest of schema 1
    artifact    a manifest of something that is no image
    junk        bytes that are no JSON
"""
import collections
import gzip
import hashlib
import http.server
import json
import socketserver
import sys
import urllib.parse

PORT_FILE, LAYER = sys.argv[1:3]
layer = open(LAYER, "rb").read()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


config = json.dumps({
    "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
    "rootfs": {"type": "layers", "diff_ids": [digest(gzip.decompress(layer))]},
}).encode()
bad_config = config.replace(b'"linux"', b'"linus"')
diff_config = json.dumps({
    "architecture": "amd64", "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]},
}).encode()
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def manifest(configuration=config, **more):
    return json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                   "digest": digest(configuration), "size": len(configuration)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": digest(layer), "size": len(layer)}],
        **more}).encode()


tag = "good"
seen = collections.Counter()
tokens = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send(self, data, status=200, headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def break_off(self):
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(2)

    def refused(self):
        """True when this request was answered with what the tag does to all requests."""
        if tag == "token":
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if tokens.get(token, 0) <= 0:
                host = self.headers["Host"]
                self.send(b"{}", 401, [("WWW-Authenticate",
                          f'Bearer realm="http://{host}/token",service="moss",scope="x"')])
                return True
            tokens[token] -= 1
        if tag == "busy" and not seen[self.path]:
            seen[self.path] = 1
            self.send(b"{}", 503, [("Retry-After", "0")])
            return True
        if tag == "loop":
            self.send(b"", 307, [("Location", self.path)])
            return True
        return False

    def do_GET(self):
        global tag
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/token":
            name = f"t{len(tokens)}"
            tokens[name] = 2
            return self.send(json.dumps({"token": name, "expires_in": 300}).encode())
        if "/manifests/" in url.path:
            what = url.path.rsplit("/", 1)[1]
            if not what.startswith("sha256:"):
                if what != tag:
                    seen.clear()
                tag = what
            if not self.refused():
                self.manifest(what)
        elif "/blobs/" in url.path and not self.refused():
            self.blob(url.path.rsplit("/", 1)[1])

    def manifest(self, what):
        data, kind = manifest(), MANIFEST
        if what.startswith("sha256:"):
            data = manifest().replace(b"2,", b"2 ,", 1)
        elif tag == "wrong-diff":
            data = manifest(diff_config)
        elif tag == "huge":
            data = b" " * (64 << 20)
        elif tag == "schema1":
            data, kind = b'{"schemaVersion":1}', "application/vnd.docker.distribution.manifest.v1+json"
        elif tag == "artifact":
            data = json.dumps({"schemaVersion": 2, "artifactType": "application/x-moss", "layers": [],
                               "config": {"mediaType": "application/vnd.oci.empty.v1+json",
                                          "digest": digest(b"{}"), "size": 2}}).encode()
        elif tag == "junk":
            data = b"<html>"
        self.send(data, headers=[("Content-Type", kind)])

    def blob(self, what):
        if what == digest(diff_config):
            return self.send(diff_config)
        if what == digest(config):
            return self.send(bad_config if tag == "wrong-config" else config)
        start = 0
        ranged = self.headers.get("Range", "")
        if ranged.startswith("bytes=") and tag != "no-range":
            start = int(ranged[6:].split("-")[0])
        self.layer(start)

    def layer(self, start):
        data, status = layer[start:], 206 if start else 200
        if tag == "cut" or (tag == "no-range" and not seen["cut"]):
            seen["cut"] += 1
            if len(data) > 65536 or tag == "no-range":
                self.send(data[:len(data) // 2], status, length=len(data))
                return self.break_off()
        elif tag == "cut-always":
            self.send(b"", status, length=len(data))
            return self.break_off()
        elif tag == "short":
            data = data[:len(data) // 2]
        elif tag == "long":
            data += b"x" * 100000
        elif tag == "wrong":
            data = data[:4] + bytes([data[4] ^ 1]) + data[5:]  # the time in gzip's header
        elif tag == "leak":
            if self.headers["Host"].startswith("localhost"):
                if self.headers.get("Authorization"):
                    return self.send(b"leaked", 500)
                return self.send(data)
            port = self.server.server_address[1]
            return self.send(b"", 307, [("Location", f"http://localhost:{port}{self.path}")])
        elif tag == "endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(data)
            except OSError:
                self.close_connection = True
            return None
        return self.send(data, status)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
with open(PORT_FILE, "w") as out:
    print(server.server_address[1], file=out)
print(digest(manifest()))
sys.stdout.flush()
server.serve_forever()
