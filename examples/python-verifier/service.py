"""A relying service without Node: answers 200 to a good access token, 401 to a bad one, 503 when it cannot know. Settings are
ISSUER_URL, DISCOVERY_URL, AUDIENCE, CLIENT_ID, CLIENT_SECRET_FILE, PORT. It is alone in its process and believes one source."""
import base64, json, os, threading, time, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen
from access_token import Rejected, keys_of, verify
from replica import Channel, Replica

ENV, INSTANCE, HARD_SECONDS = os.environ, str(uuid.uuid4()), 60
CREDENTIALS = f"{ENV['CLIENT_ID']}:{open(ENV['CLIENT_SECRET_FILE']).read().strip()}"
BASIC = 'Basic ' + base64.b64encode(CREDENTIALS.encode()).decode()
replica, keys, joined = Replica(), {}, {}


def ask(url, body=None, **headers):
    headers |= {'authorization': BASIC, 'countersign-instance': INSTANCE, 'content-type': 'application/json'}
    return urlopen(Request(url, body and json.dumps(body).encode(), headers), timeout=5)


def deliver(channel, kind, data):
    if not channel.receive(kind, data, time.time(), time.monotonic()):
        raise EOFError('events are missing')
    if kind == 'heartbeat':
        replica.sweep(time.time())  # in the thread that adds


def follow(metadata):
    channel, page = Channel(replica), metadata['revocation_snapshot_endpoint']
    while page:
        for line in map(json.loads, ask(page)):
            page = line['type'] == 'page' and f"{page.split('?')[0]}?cursor={line['next_cursor']}"
            if not page:
                deliver(channel, line['type'], line)
    kind = None
    for line in ask(metadata['revocation_feed_endpoint'], **{'last-event-id': '%d.%d' % replica.position}):
        field, _, value = line.decode().rstrip('\n').partition(': ')
        kind = value if field == 'event' else kind
        if field == 'data':
            deliver(channel, kind, json.loads(value))


def report(metadata):
    global keys
    keys = keys_of(json.load(ask(metadata['jwks_uri'])))
    asked, body = time.monotonic(), {'instance_id': INSTANCE, 'kids': list(keys), 'hard_staleness_seconds': HARD_SECONDS}
    if replica.position and replica.heartbeat:
        body |= {'applied': dict(zip(('epoch', 'seq'), replica.position)), 'proof': replica.heartbeat[2]}
    head = json.load(ask(metadata['check_in_endpoint'], body))
    if not joined or time.monotonic() - joined['at'] > HARD_SECONDS:
        joined['head'] = head['epoch'], head['head']
    joined['at'] = asked


def forever(work, seconds):
    while True:
        try:
            metadata = json.load(ask(ENV['DISCOVERY_URL']))
            assert metadata['issuer'] == ENV['ISSUER_URL']
            work(metadata)
        except Exception as error:  # whatever it is, the next attempt starts from the beginning
            print(f'{work.__name__}: {error!r}', flush=True)
        time.sleep(seconds)


def decide(token):
    claims = verify(token, keys, ENV['ISSUER_URL'], ENV['AUDIENCE'], time.time())
    if replica.is_revoked(claims):
        raise Rejected('revoked')
    known = joined and replica.position and replica.position >= joined['head']
    fresh = max(replica.age(time.time(), time.monotonic()), time.monotonic() - joined.get('at', 0)) <= HARD_SECONDS
    return 200 if known and fresh else 503


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get('authorization', '').partition(' ')
        try:
            status, text = (decide(token), '') if scheme.lower() == 'bearer' else (401, 'credentials_required')
        except Rejected as rejected:
            status, text = 401 if keys else 503, str(rejected)  # without keys it is not the caller's fault
        self.send_response(status)
        self.end_headers() or self.wfile.write(text.encode())


if __name__ == '__main__':
    for work, seconds in ((follow, 1), (report, 2)):
        threading.Thread(target=forever, args=(work, seconds), daemon=True).start()
    ThreadingHTTPServer(('127.0.0.1', int(ENV['PORT'])), Answer).serve_forever()
