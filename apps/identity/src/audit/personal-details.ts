import { isIP } from 'node:net';
import type { PersonalDetails } from './audit-log.js';

/** From where a request came, as it is kept. A proxy may forward something else than an address, such as one with its port or a zone. */
export function personalDetails(
  ip: string,
  userAgent: string | undefined,
): Required<Omit<PersonalDetails, 'device_name'>> {
  const [address = ''] = ip.split('%');
  return { ip: isIP(address) === 0 ? null : address, user_agent: userAgent?.slice(0, 300) ?? null };
}
