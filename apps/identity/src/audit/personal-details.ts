import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { PersonalDetails } from './audit-log.js';

/** From where a request came, as it is kept. A proxy may forward something else than an address, such as one with its port or a zone. */
export function personalDetails(
  ip: string,
  userAgent: string | undefined,
): Required<Omit<PersonalDetails, 'device_name'>> {
  const [address = ''] = ip.split('%');
  return { ip: isIP(address) === 0 ? null : address, user_agent: userAgent?.slice(0, 300) ?? null };
}

/** The same of a request. */
export const originOf = ({
  ip,
  headers,
}: Pick<FastifyRequest, 'ip' | 'headers'>): ReturnType<typeof personalDetails> =>
  personalDetails(ip, headers['user-agent']);
