import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { Described } from '../../openapi/described.js';
import { TokenExplaining } from '../../token-explanation/token-explaining.js';
import { RequireRole } from '../require-role.js';
import { explanationAnswer, explanationJson } from './token-json.js';

/** Twice what a verifier looks at: a token that is too long is explained too. */
const inquiry = z.strictObject({ token: z.string().min(1).max(16_384) });

@Controller('operator/tokens')
export class OperatorTokensController {
  constructor(private readonly explaining: TokenExplaining) {}

  /** A POST, so that the token stands in no address. */
  @Post('explain')
  @HttpCode(200)
  @RequireRole('read')
  @Described({
    summary: 'Says what a token is, which services accept it, and why others do not.',
    details: 'The token is not kept, and the answer holds no part of its signature.',
    answers: { 200: explanationAnswer },
  })
  async explain(@Body({ schema: inquiry }) { token }: z.infer<typeof inquiry>) {
    return explanationJson(await this.explaining.explain(token));
  }
}
