'use client';

import { Printer } from 'lucide-react';
import { Button } from '#app/_components/ui/button.tsx';

export function PrintButton() {
  return (
    <Button look="primary" onClick={() => window.print()}>
      <Printer aria-hidden />
      Print, or save as PDF
    </Button>
  );
}
