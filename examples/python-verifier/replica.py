"""The replica of live revocations (docs/feed-protocol.md) for one source. Reads no clock and does no I/O."""
from math import inf

def is_believable(event, now):
    at, end, cutoff = event['at'], event['expires_at'], event.get('cutoff', 0)
    return 0 < len(event['id']) <= 256 and at <= now + 86_400 and cutoff <= at + 60 and (end or at) <= at + 366 * 86_400

def age_of(heartbeat, wall, monotonic):
    return inf if heartbeat[0] > wall + 60 else max(wall - heartbeat[0], monotonic - heartbeat[1])

class Replica:
    def __init__(self):
        self.entries, self.horizon = {}, 0  # (kind, id) -> (cutoff, end); what ended before the horizon is forgotten
        self.position, self.heartbeat = (0, 0), (-inf, -inf, None, (0, 0))  # read_at, monotonic arrival, proof, head

    def is_revoked(self, token):
        names = ('jti', token['jti']), ('kid', token['kid']), ('sid', token.get('sid'))
        groups = ('sub', token['sub']), ('client', token['client_id']), ('all', '*')
        return (any(name in self.entries for name in names)
                or any(token['iat'] <= self.entries.get(group, (-1,))[0] for group in groups))

    def remember(self, event):
        key, end = (event['kind'], event['id']), inf if event['expires_at'] is None else event['expires_at']
        if end < self.horizon: return
        known = self.entries.get(key, (-1, end))
        self.entries[key] = max(known[0], event.get('cutoff', -1)), max(known[1], end)

    def sweep(self, wall):
        self.horizon = max(self.horizon, min(wall, self.heartbeat[0]))
        self.entries = {key: entry for key, entry in self.entries.items() if entry[1] >= self.horizon}

class Channel:
    """The frames of one source. receive() is False when that source must start again from a snapshot."""
    def __init__(self, replica):
        self.replica, self.replay, self.broken = replica, None, False

    def receive(self, kind, data, wall, monotonic):
        replica, position = self.replica, self.replica.position
        if kind == 'begin':
            reached = data['after'] == 0 or (data['epoch'], data['after']) <= position
            if not reached or data['epoch'] < position[0]: return False
            self.replay, self.broken = (data['epoch'], data['head']), False
        elif kind == 'end':
            opened, self.replay = self.replay, None
            if self.broken or opened != (data['epoch'], data['head']): return False
            replica.position = max(position, opened)
        elif kind == 'revocation' and not is_believable(data, wall):
            self.broken = True  # it fills no place
        elif kind == 'revocation':
            replica.remember(data)
            if self.replay: return True
            here = data['epoch'], data['seq']
            if here > (position[0], position[1] + 1): return False
            replica.position = max(position, here)
        elif kind == 'heartbeat' and data['epoch'] >= position[0]:
            head = data['epoch'], data['head']
            if head > position: return self.replay is not None
            beat = data['read_at'], monotonic, data['proof'], head
            younger = age_of(beat, wall, monotonic) <= age_of(replica.heartbeat, wall, monotonic)
            if younger and head >= replica.heartbeat[3]:  # else history was lost: the proof of that is kept
                replica.heartbeat = beat
        return True
