import { Controller, Get, Headers, Query, Req, Res } from '@nestjs/common';
import { parsePosition, serializeRevocationEvent } from '@countersign/revocation';
import { ProblemError } from '@countersign/service-host';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Described } from '../openapi/described.js';
import { FeedConnection } from './feed-connection.js';
import { FeedAudience, FeedReaders } from './feed-readers.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationLog } from './revocation-log.js';
import { formatCursor, parseCursor } from './snapshot-cursor.js';

const PAGE_SIZE = 5_000;
const snapshotQuery = z.strictObject({ cursor: z.string().max(64).optional() });

/** The revocations for relying services: everything that is live, and what comes after it. */
@Controller('revocations')
export class RevocationsController {
  constructor(
    private readonly log: RevocationLog,
    private readonly feed: RevocationFeed,
    private readonly readers: FeedReaders,
    private readonly audience: FeedAudience,
  ) {}

  @Get()
  @Described({
    summary: 'Every live revocation, in pages of newline-delimited JSON.',
    details:
      'The first page opens with a `begin` line, every page but the last closes with `{"type":"page","next_cursor":…}`, the last ' +
      'with `end`.',
    answers: { 200: 'application/x-ndjson' },
  })
  async snapshot(
    @Query({ schema: snapshotQuery }) { cursor }: z.infer<typeof snapshotQuery>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const from = cursor === undefined ? undefined : parseCursor(cursor);
    if (cursor !== undefined && !from) {
      throw new ProblemError('invalid_input', {
        errors: [{ pointer: '/cursor', detail: 'is not a cursor of this API' }],
      });
    }
    const page = await this.log.read(from?.last ?? { epoch: 0, seq: 0 }, PAGE_SIZE, from?.head);
    const { events } = page;
    const head = from?.head ?? page.head;
    const last = events.at(-1);
    const lines: object[] = events.map((event) => ({
      type: 'revocation',
      ...serializeRevocationEvent(event),
    }));
    if (!from) lines.unshift({ type: 'begin', epoch: head.epoch, after: 0, head: head.seq });
    if (last && events.length === PAGE_SIZE)
      lines.push({ type: 'page', next_cursor: formatCursor({ head, last }) });
    else lines.push({ type: 'end', epoch: head.epoch, head: head.seq });
    await reply
      .type('application/x-ndjson')
      .header('cache-control', 'no-store')
      .send(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  @Get('feed')
  @Described({
    summary: 'The live feed of revocations (server-sent events).',
    details:
      '`Last-Event-ID` (`epoch.seq`) resumes where a reader was; without it everything live comes first. An instance that names ' +
      'itself (`Countersign-Instance`) has one connection here: the newest.',
    answers: { 200: 'text/event-stream' },
    problems: ['bad_request', 'too_many_requests'],
  })
  async follow(
    @Headers('last-event-id') lastEventId: string | undefined,
    @Headers('countersign-instance') instance: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (request.method === 'HEAD') {
      await reply.type('text/event-stream').send();
      return;
    }
    const after = lastEventId === undefined ? undefined : parsePosition(lastEventId);
    if (lastEventId !== undefined && !after) {
      throw new ProblemError('bad_request', {
        detail: 'Last-Event-ID is not of the form epoch.seq',
      });
    }
    await this.log.head();
    const connection = new FeedConnection(reply.raw);
    const serviceId = this.audience.serviceOf(request);
    const instanceId =
      instance !== undefined && /^[\w-]{1,64}$/.test(instance) ? instance : undefined;
    const giveBack = this.readers.admit({ serviceId, instanceId }, connection);
    reply.raw.once('close', giveBack);
    reply.hijack();
    connection.open();
    try {
      const leave = await this.feed.subscribe(connection, after);
      // It may have gone before or while it caught up.
      if (connection.isGone) leave();
      else reply.raw.once('close', leave);
    } catch {
      reply.raw.destroy();
    }
  }
}
