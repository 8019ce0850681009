// Who may ask a local server.
import { describe, expect, it } from 'vitest';
import { checkAccess, isKnownHost, isLoopback } from './access.ts';

it.each([
  ['localhost:6007', true],
  ['LOCALHOST', true],
  ['127.0.0.1:80', true],
  ['192.168.1.4:6007', true],
  ['[::1]:6007', true],
  ['mine.example:6007', true],
  ['evil.example', false],
  ['localhost.evil.example:6007', false],
  ['127.0.0.1.evil.example', false],
  ['evil.example@localhost', false],
  ['', false],
  ['[::1', false],
  ['localhost:6007, evil.example', false],
])('the Host header %j: %s', (host, isKnown) => {
  expect(isKnownHost(host, { hosts: ['mine.example'] })).toBe(isKnown);
});

it.each([
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.0.1', false],
  ['127.evil.example', false],
])('%s is only this machine: %s', (host, isOnly) => {
  expect(isLoopback(host)).toBe(isOnly);
});

describe('a request', () => {
  const access = { server: 'serve', hosts: [], token: 'correct-horse', port: 80 };
  const host = 'localhost';

  it('shows the token in its address, in a header or in a cookie', () => {
    expect(checkAccess('/', { host }, access)).toMatchObject({ kind: 'refused', status: 401 });
    expect(checkAccess('/embed?token=correct-hors', { host }, access)).toMatchObject({ status: 401 });
    for (const [target, headers] of [
      ['/embed?token=correct-horse', {}],
      ['/', { authorization: 'Bearer correct-horse' }],
      ['/', { cookie: 'other=1; tessera-serve-80=correct-horse' }],
    ] as const)
      expect(checkAccess(target, { host, ...headers }, access)).toEqual({ kind: 'allowed' });
    // The cookie of another server on this machine is not this server's.
    expect(checkAccess('/', { host, cookie: 'tessera-dashboard-80=correct-horse' }, access).kind).toBe('refused');
    expect(checkAccess('/?token=correct-horse&a=1', { host }, access)).toEqual({
      kind: 'moved',
      headers: {
        'Set-Cookie': 'tessera-serve-80=correct-horse; HttpOnly; SameSite=Strict; Path=/',
        Location: './?a=1',
      },
    });
  });

  it('needs a known name and an address', () => {
    expect(checkAccess('/', { host: 'evil.example' }, { ...access, token: null })).toMatchObject({ status: 421 });
    expect(checkAccess('//', { host }, { ...access, token: null })).toMatchObject({ status: 400 });
  });
});
