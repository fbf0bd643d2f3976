"""A store of objects that speaks enough of S3 for tests: ListObjectsV2 by pages, ranged GETs. It works out AWS Signature Version 4
of each request by itself, after AWS's description, and refuses another."""

import hashlib
import hmac
import http.server
import threading
import urllib.parse
from xml.sax.saxutils import escape

ACCESS, SECRET, REGION, BUCKET = "test-access", "test/secret+key", "eu-test-1", "exports"
PAGE = 2  # keys a page


def sha(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(method, path, query, headers, signed, payload, when, scope):
    canonical_query = "&".join(sorted("=".join(urllib.parse.quote(urllib.parse.unquote(part), safe="-_.~") for part in each.split("=", 1))
                                      for each in query.split("&") if each))
    canonical = "\n".join([method, path, canonical_query, "".join("%s:%s\n" % (name, " ".join(headers[name].split())) for name in signed),
                           ";".join(signed), payload])
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = mac(key, part)
    return mac(key, "\n".join(["AWS4-HMAC-SHA256", when, scope, sha(canonical.encode())])).hex()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, code, body, **headers):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code, name):
        self.answer(code, ("<Error><Code>%s</Code></Error>" % name).encode())

    def is_signed(self, path, query):
        headers = {name.lower(): value for name, value in self.headers.items()}
        words = headers.get("authorization", "").replace("AWS4-HMAC-SHA256 ", "").split(",")
        said = dict(word.strip().split("=", 1) for word in words if "=" in word)
        access, _, scope = said.get("Credential", "").partition("/")
        signed = said.get("SignedHeaders", "").split(";")
        if access != ACCESS or not scope.endswith("/%s/s3/aws4_request" % REGION) or "host" not in signed:
            return False
        wanted = signature("GET", path, query, headers, signed, headers.get("x-amz-content-sha256", sha(b"")), headers.get("x-amz-date", ""), scope)
        return hmac.compare_digest(wanted, said.get("Signature", ""))

    def do_GET(self):
        path, _, query = self.path.partition("?")
        server = self.server
        server.asked.append(self.path)
        if not self.is_signed(path, query):
            return self.refuse(403, "SignatureDoesNotMatch")
        if server.failures > 0:
            server.failures -= 1
            return self.refuse(503, "SlowDown")
        bucket, _, key = urllib.parse.unquote(path)[1:].partition("/")
        if bucket != BUCKET:
            return self.refuse(404, "NoSuchBucket")
        if not key:
            return self.list(dict(urllib.parse.parse_qsl(query, keep_blank_values=True)))
        if key not in server.objects:
            return self.refuse(404, "NoSuchKey")
        body = server.objects[key]
        first, last = (int(each) for each in self.headers["Range"].replace("bytes=", "").split("-"))
        return self.answer(206, body[first:last + 1], Content_Range="bytes %d-%d/%d" % (first, last, len(body)))

    def list(self, query):
        keys = sorted(key for key in self.server.objects if key.startswith(query["prefix"]) and key > query.get("continuation-token", ""))
        text = "<?xml version='1.0'?><ListBucketResult>"
        for key in keys[:PAGE]:
            body = self.server.objects[key]
            text += "<Contents><Key>%s</Key><ETag>&quot;%s&quot;</ETag><Size>%d</Size></Contents>" % (escape(key), hashlib.md5(body).hexdigest(), len(body))
        if len(keys) > PAGE:
            text += "<NextContinuationToken>%s</NextContinuationToken>" % escape(keys[PAGE - 1])
        self.answer(200, (text + "</ListBucketResult>").encode())


class Store:
    """Objects by key; `failures`: how many of the next requests are answered 503."""

    def __init__(self, objects):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.objects, self.server.failures, self.server.asked = objects, 0, []
        self.endpoint = "http://127.0.0.1:%d" % self.server.server_port
        self.environment = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
