"""The replica of live revocations (docs/feed-protocol.md) for one source. Reads no clock and does no I/O."""
import math


def is_believable(event, now):
    at, end, cutoff = event['at'], event['expires_at'], event.get('cutoff')
    return (0 < len(event['id']) <= 256 and at <= now + 86_400 and (cutoff is None or cutoff <= at + 60)
            and (end is None or end <= at + 366 * 86_400))


class Replica:
    def __init__(self):
        self.entries = {}  # (kind, id) -> (cutoff, end)
        self.position = self.heartbeat = None  # (epoch, seq); (read_at, monotonic time of arrival, proof, head)
        self.horizon = 0

    def is_revoked(self, token):
        def covers(kind, name, by_cutoff=False):
            cutoff, end = self.entries.get((kind, name), (-1, -1))
            return end >= self.horizon and (not by_cutoff or token['iat'] <= cutoff)
        return (covers('jti', token['jti']) or covers('kid', token['kid'])
                or 'sid' in token and covers('sid', token['sid']) or covers('sub', token['sub'], True)
                or covers('client', token['client_id'], True) or covers('all', '*', True))

    def remember(self, event):
        key, end = (event['kind'], event['id']), math.inf if event['expires_at'] is None else event['expires_at']
        known = self.entries.get(key, (0, 0))
        known = known if known[1] >= self.horizon else (0, 0)
        self.entries[key] = max(known[0], event.get('cutoff', 0)), max(known[1], end)

    def sweep(self, wall):
        if self.heartbeat:
            self.horizon = max(self.horizon, min(wall, self.heartbeat[0]))
            self.entries = {key: entry for key, entry in self.entries.items() if entry[1] >= self.horizon}

    def age(self, wall, monotonic, heartbeat=None):
        beat = heartbeat or self.heartbeat
        return max(wall - beat[0], monotonic - beat[1]) if beat else math.inf


class Channel:
    """The frames of one source. receive() is False when that source must start again from a snapshot."""

    def __init__(self, replica):
        self.replica, self.replay, self.broken = replica, None, False

    def drop(self):
        """An entry that could not be read, or cannot be believed: it fills no place."""
        self.broken = True

    def receive(self, kind, data, wall, monotonic):
        replica, position = self.replica, self.replica.position
        if kind == 'begin':
            here = position and position[0] == data['epoch'] and position[1] >= data['after']
            if not (data['after'] == 0 or here) or (position and data['epoch'] < position[0]):
                return False
            self.replay, self.broken = (data['epoch'], data['head']), False
        elif kind == 'end':
            reached, self.replay = self.replay, None
            if self.broken or reached != (data['epoch'], data['head']):
                return False
            replica.position = max(position or reached, reached)
        elif kind == 'revocation' and not is_believable(data, wall):
            self.drop()
        elif kind == 'revocation':
            replica.remember(data)
            here = data['epoch'], data['seq']
            if self.replay or position and here <= position:
                return True
            if not position or here != (position[0], position[1] + 1):
                return False
            replica.position = here
        elif kind == 'heartbeat' and not (position and data['epoch'] < position[0]):
            if not position or position < (data['epoch'], data['head']):
                return self.replay is not None
            beat = data['read_at'], monotonic, data['proof'], (data['epoch'], data['head'])
            fallen = replica.heartbeat and beat[3] < replica.heartbeat[3]  # history was lost: its proof is kept
            if not fallen and replica.age(wall, monotonic, beat) <= replica.age(wall, monotonic):
                replica.heartbeat = beat
        return True
