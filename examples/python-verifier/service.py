"""A relying service without Node: 200 for a good access token, 401 for a bad one, 503 in doubt. Settings: README.md."""
import base64, json, math, os, threading, time, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen
from access_token import Rejected, keys_of, verify
from replica import Channel, Replica, age_of

ENV, INSTANCE, HARD_SECONDS = os.environ, str(uuid.uuid4()), 60
SECRET = open(ENV['CLIENT_SECRET_FILE']).read().strip()
BASIC = 'Basic ' + base64.b64encode(f"{ENV['CLIENT_ID']}:{SECRET}".encode()).decode()
replica, receipt_wanted = Replica(), threading.Event()
known = {'keys': {}, 'heads': [(-math.inf, (math.inf, 0))], 'at': -math.inf}  # by check-ins: keys, what is due when

def ask(url, body=None, **headers):
    headers |= {'authorization': BASIC, 'countersign-instance': INSTANCE, 'content-type': 'application/json'}
    return urlopen(Request(url, body and json.dumps(body).encode(), headers), timeout=5)

def frames(metadata):
    page, fields = metadata['revocation_snapshot_endpoint'], {}
    while page:
        for frame in map(json.loads, ask(page)):
            page = frame['type'] == 'page' and f"{page.split('?')[0]}?cursor={frame['next_cursor']}"
            if not page: yield frame['type'], frame
    for line in ask(metadata['revocation_feed_endpoint'], **{'last-event-id': '%d.%d' % replica.position}):
        name, _, value = line.decode().rstrip('\n').partition(': ')
        fields[name] = value
        if name == 'data': yield fields['event'], json.loads(value)

def follow(metadata):
    channel = Channel(replica)
    for kind, data in frames(metadata):
        if not channel.receive(kind, data, time.time(), time.monotonic()): raise EOFError('events are missing')
        if kind == 'heartbeat': replica.sweep(time.time())
        if data.get('receipt_wanted'): receipt_wanted.set()

def report(metadata):
    receipt_wanted.clear()
    known['keys'] = keys = keys_of(json.load(ask(metadata['jwks_uri'])))
    asked, body = time.monotonic(), {'instance_id': INSTANCE, 'kids': [*keys], 'hard_staleness_seconds': HARD_SECONDS}
    if replica.heartbeat[2]:
        body |= {'applied': dict(zip(('epoch', 'seq'), replica.position)), 'proof': replica.heartbeat[2]}
    head, lapsed = json.load(ask(metadata['check_in_endpoint'], body)), time.monotonic() - known['at'] > HARD_SECONDS
    due = -math.inf if lapsed else asked + HARD_SECONDS  # at once when receipts have left it out
    ahead = [old for old in known['heads'] if old[1] > replica.position and not lapsed]
    known['heads'], known['at'] = [*ahead, (due, (head['epoch'], head['head']))][:99], asked
    receipt_wanted.wait(2)

def forever(work):
    while True:
        try:
            metadata = json.load(ask(ENV['DISCOVERY_URL']))
            assert metadata['issuer'] == ENV['ISSUER_URL']
            work(metadata)
        except Exception as error:  # whatever it is, the next attempt starts from the beginning
            print(f'{work.__name__}: {error!r}', flush=True)
            time.sleep(1)

def decide(token):
    claims = verify(token, known['keys'], ENV['ISSUER_URL'], ENV['AUDIENCE'], time.time())
    now = time.monotonic()  # before the look-up: what arrives in the middle of it must not count as applied
    fresh = max(age_of(replica.heartbeat, time.time(), now), now - known['at']) <= HARD_SECONDS
    behind = any(due < now and head > replica.position for due, head in known['heads'])
    if replica.is_revoked(claims): raise Rejected('revoked')
    return 200 if fresh and not behind else 503

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get('authorization', '').partition(' ')
        try:
            status, text = (decide(token), '') if scheme.lower() == 'bearer' else (401, 'credentials_required')
        except Rejected as rejected:
            status, text = 401 if known['keys'] else 503, str(rejected)  # without keys it is not the caller's fault
        self.send_response(status)
        self.end_headers() or self.wfile.write(text.encode())

for work in follow, report: threading.Thread(target=forever, args=(work,), daemon=True).start()
ThreadingHTTPServer(('127.0.0.1', int(ENV['PORT'])), Answer).serve_forever()
