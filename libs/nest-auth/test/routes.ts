import { Controller, Get, Post, Req } from '@nestjs/common';
import type { AccessToken } from '@countersign/token-verifier';
import { AllowStaleRevocations, CurrentToken, Public, RequireScope } from '../src/index.js';

@Controller()
export class UndecoratedController {
  @Get('undecorated')
  who(@CurrentToken() token: AccessToken) {
    return { subject: token.subject };
  }

  @Get('user')
  user(@Req() request: { user?: AccessToken }) {
    return { subject: request.user?.subject ?? null };
  }

  @AllowStaleRevocations()
  @Get('stays-open')
  staysOpen() {
    return {};
  }

  @Public()
  @Get('open')
  open() {
    return { open: true };
  }

  @Public()
  @Get('open-but-asks')
  mistaken(@CurrentToken() token: AccessToken) {
    return token;
  }
}

@RequireScope('orders:read')
@Controller('scoped')
export class ScopedController {
  @Get()
  read() {
    return {};
  }

  @RequireScope('orders:write', 'payments:write')
  @Post()
  write() {
    return {};
  }
}
