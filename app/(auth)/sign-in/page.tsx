import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { Callout } from '#app/_components/ui/callout.tsx';
import { getDeps } from '#app/_server/deps.ts';
import { sanitizeNextPath } from '#app/_server/origin.ts';
import { readPagePerson } from '#app/_server/page.ts';
import { SignInForm } from '../_components/auth-forms.tsx';
import { AuthHeading } from '../_components/credentials-form.tsx';

export const metadata: Metadata = { title: 'Sign in' };

export default async function SignInPage({
  searchParams,
}: {
  readonly searchParams: Promise<{ readonly next?: string | string[] }>;
}) {
  const { next } = await searchParams;
  const path = typeof next === 'string' ? sanitizeNextPath(next) : null;
  if ((await readPagePerson()) !== null) redirect(path ?? '/');
  const isNew = (await getDeps().people.users.count()) === 0;
  return (
    <>
      <AuthHeading title="Sign in">Ask your documents, and see where every answer stands.</AuthHeading>
      {isNew ? (
        <Callout className="mt-6" title="Nobody has an account yet">
          Open the set-up link that Lorehouse printed when it started. It makes the first account, once.
        </Callout>
      ) : null}
      <SignInForm next={path}>
        <p className="text-[0.8125rem] leading-snug text-ink-faint">
          No account, or the password is lost? Ask whoever runs Lorehouse here.
        </p>
      </SignInForm>
    </>
  );
}
