"""Holds examples/python-verifier against access-tokens.json and replica.json; prints what is wrong, and ends with 1 then."""
import json, pathlib, sys

vectors = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(vectors.parent / 'examples' / 'python-verifier'))
from access_token import Rejected, keys_of, verify
from replica import Channel, Replica, age_of

tokens, replicas = (json.loads((vectors / name).read_text()) for name in ('access-tokens.json', 'replica.json'))
faults = []


def expect(case, got, expected):
    if got != expected:
        faults.append(f'{case["name"]}: {got} instead of {expected}')


for case in tokens['cases']:
    try:
        verify(case['token'], keys_of(tokens['jwks']), tokens['issuer'], tokens['audience'], tokens['now'])
        expect(case, None, case['code'])
    except Rejected as rejected:
        expect(case, str(rejected), case['code'])

for case in replicas['cases']:
    replica, channels, clocks = Replica(), {}, (replicas['now'], 0)
    for step in case['steps']:
        channel = channels.setdefault(step.get('source'), Channel(replica))
        if 'frame' in step:
            received = channel.receive(step['frame']['type'], step['frame'], *clocks)
            expect(case, 'ok' if received else 'replay', step['result'])
        if 'unreadable' in step:
            channel.broken = True
        if 'clocks' in step:
            clocks = step['clocks']['wall'], step['clocks']['monotonic']
        if 'sweep' in step:
            replica.sweep(clocks[0])
        if 'token' in step:
            expect(case, replica.is_revoked(step['token']), step['revoked'])
        if 'position' in step:
            expect(case, replica.position, (step['position']['epoch'], step['position']['seq']))
        if 'freshness' in step:
            age = age_of(replica.heartbeat, *clocks)
            limits = replicas['soft_seconds'], replicas['hard_seconds']
            expect(case, 'stale' if age > limits[1] else 'late' if age > limits[0] else 'fresh', step['freshness'])

print('\n'.join(faults) or f'{len(tokens["cases"])} tokens and {len(replicas["cases"])} replicas as they must be')
sys.exit(1 if faults else 0)
