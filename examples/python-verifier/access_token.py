"""One access token (RFC 9068): form, key, signature, claims. Codes are those of @countersign/token-verifier."""
import json, math, re
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_decode as decode, base64url_encode as encode

RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)

class Rejected(Exception): """The token is bad: 401. Its text is the code."""

def require(holds, code='malformed'):
    if not holds: raise Rejected(code)

def keys_of(jwks):
    """Verification keys by kid; what is meant for something else is left out."""
    return {jwk['kid']: RS256.from_jwk(jwk) for jwk in jwks['keys'] if jwk.get('kty') == 'RSA'
            and jwk.get('alg', 'RS256') == 'RS256' and jwk.get('use', 'sig') == 'sig'}

def strict_object(part):
    """UTF-8 without a byte order mark, no member twice, nested 32 deep at most."""
    def members(pairs):
        return require(len(dict(pairs)) == len(pairs)) or dict(pairs)
    value = json.loads(decode(part).decode(), object_pairs_hook=members, parse_constant=lambda _: require(False))
    require(isinstance(value, dict) and depth(value) <= 32)
    return value

def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)

def is_text(value): return isinstance(value, str) and 0 < len(value) <= 256
def is_text_list(value): return isinstance(value, list) and all(isinstance(item, str) for item in value)
def is_instant(value): return type(value) in (int, float) and math.isfinite(value) and value >= 0

def verify(token, keys, issuer, audience, now, tolerance=5, max_lifetime=3600):
    """The claims, with the kid among them. Raises Rejected. Looks at no revocation."""
    parts = token.split('.')
    require(len(token) <= 8192 and len(parts) == 3 and all(parts) and token.isascii())
    try:
        require(all(encode(decode(part)).decode() == part for part in parts))
        header, claims = strict_object(parts[0]), strict_object(parts[1])
    except (ValueError, RecursionError) as error:
        raise Rejected('malformed') from error
    typ, kid, signature = header.get('typ'), header.get('kid'), decode(parts[2])
    require(header.get('alg') == 'RS256', 'algorithm_not_allowed')
    require(isinstance(typ, str) and typ.lower() in ('at+jwt', 'application/at+jwt'), 'unexpected_type')
    require(not {'crit', 'b64', 'zip'} & header.keys())
    require(isinstance(kid, str) and re.fullmatch('[A-Za-z0-9_-]{1,256}', kid))
    require(kid in keys, 'unknown_key')
    require(RS256.verify(f'{parts[0]}.{parts[1]}'.encode(), keys[kid], signature), 'bad_signature')
    all_claims = {'sid': '-', 'auth_time': 0, 'nbf': 0, 'scope': '', 'roles': []} | claims
    iss, aud, exp, iat, nbf, scope, roles = map(all_claims.get, ('iss', 'aud', 'exp', 'iat', 'nbf', 'scope', 'roles'))
    audiences = [aud] if isinstance(aud, str) else aud
    require(is_text_list(audiences) and audiences and is_text_list(roles) and isinstance(scope, str))
    require(all(is_text(all_claims.get(name)) for name in ('iss', 'sub', 'jti', 'client_id', 'sid')))
    require(all(is_instant(all_claims.get(name)) for name in ('exp', 'iat', 'nbf', 'auth_time')))
    require(iss == issuer, 'wrong_issuer')
    require(audience in audiences, 'wrong_audience')
    require(exp + tolerance > now, 'expired')
    require(max(iat, nbf) <= now + tolerance, 'not_yet_valid')
    require(0 < exp - iat <= max_lifetime)
    return {**claims, 'kid': kid}
