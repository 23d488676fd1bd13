"""Commands of tasks that answer over HTTP on a port, `SERVER % port`: a number, or OWN_PORT of an app."""

OWN_PORT = "int(__import__('os').environ['PORT0'])"
# Three times 503, then 200.
SERVER = """exec python3 -c "
import http.server
asked = []
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(1); self.send_response(503 if len(asked) < 4 else 200); self.end_headers()
    def log_message(self, *a): pass
http.server.HTTPServer(('127.0.0.1', %s), H).serve_forever()" """
# Nobody's: it is not looked at.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgn10fmQWHvmviK9Dx
znLiPUzjtl5t7NqdPpcTBIfPKPWhRANCAAScuG8XK2RXz4uIowfXAcRaHRF0nRZv
Z9KwlbQk4XnG4bwoygUYAfc/qN9Asy0CZHy1ZfvPAsF9/G8awKcKotiV
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBdjCCAR2gAwIBAgIUSQredNfI0i2SvDEEUy0kbxft5QwwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGbm9ib2R5MB4XDTI2MTEyNjE2NTI0M1oXDTI2MTEyNzE2NTI0
M1owETEPMA0GA1UEAwwGbm9ib2R5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
nLhvFytkV8+LiKMH1wHEWh0RdJ0Wb2fSsJW0JOF5xuG8KMoFGAH3P6jfQLMtAmR8
tWX7zwLBffxvGsCnCqLYlaNTMFEwHQYDVR0OBBYEFLgYk0UaA/2pK/K632h/cKk7
j7B0MB8GA1UdIwQYMBaAFLgYk0UaA/2pK/K632h/cKk7j7B0MA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgLlrTS6xKCnd+3CxuGhZMsOA49YKDSZD5
E4Rvx+KshwQCICkAKAmWUzKU2faeUq0uQpm/M/2YGxxFA+uVXsvJn5/Q
-----END CERTIFICATE-----
"""
TLS_SERVER = f"""cat >pem <<END
{CERTIFICATE}END
exec python3 -c "
import http.server, ssl
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/x' else 404); self.end_headers()
    def log_message(self, *a): pass
server = http.server.HTTPServer(('127.0.0.1', %s), H)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('pem')
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()" """
# Always the same status, and with it the way to where nobody answers.
ANSWERING = """exec python3 -c "
import http.server, os
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(%d); self.send_header('Location', 'http://127.0.0.1:1/'); self.end_headers()
    def log_message(self, *a): pass
http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT0'])), H).serve_forever()" """
# Says $VERSION.  Told to end, it goes on for as long as a client comes every two seconds, as a balancer's do that has
# not heard of it yet.  Checks of its health on /health are no client's.
PATIENT_SERVER = """exec python3 -c "
import http.server, os, signal, time
heard = [time.monotonic()]
ends = []
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != '/health':
            heard[0] = time.monotonic()
        self.send_response(200); self.end_headers(); self.wfile.write(os.environ['VERSION'].encode())
    def log_message(self, *a): pass
signal.signal(signal.SIGTERM, lambda *a: ends.append(1))
server = http.server.HTTPServer(('', int(os.environ['PORT0'])), H)
server.timeout = 0.1
while not ends or time.monotonic() - heard[0] < 2:
    server.handle_request()" """
