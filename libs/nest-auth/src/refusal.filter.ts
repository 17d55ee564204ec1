import { Catch, Inject } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Refusal } from './refusal.js';

/**
 * Answers a {@link Refusal} as it is, where no filter of the application does. Sends text, not an object: of an object Nest 11
 * on Express would change the type to `application/json`, with a warning for each.
 */
@Catch(Refusal)
export class RefusalFilter implements ExceptionFilter<Refusal> {
  constructor(@Inject(HttpAdapterHost) private readonly adapter: HttpAdapterHost) {}

  catch({ answer }: Refusal, host: ArgumentsHost): void {
    const { httpAdapter } = this.adapter;
    const response = host.switchToHttp().getResponse<object>();
    for (const [name, value] of Object.entries(answer.headers)) {
      httpAdapter.setHeader(response, name, value);
    }
    httpAdapter.reply(response, JSON.stringify(answer.problem), answer.status);
  }
}
