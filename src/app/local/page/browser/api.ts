// Requests to the program that serves the page.

/** @throws an Error with what the program said */
export async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  const response = await fetch(path, options);
  if (response.ok) return (await response.json()) as T;
  throw new Error(await reasonOf(response));
}

export async function askText(path: string): Promise<string> {
  const response = await fetch(path);
  if (response.ok) return response.text();
  throw new Error(await reasonOf(response));
}

export function post<T>(path: string, body?: object): Promise<T> {
  return ask<T>(path, { method: 'POST', ...(body && { body: JSON.stringify(body) }) });
}

/** The address of a mail, or of what belongs to it. */
export function mailPath(id: string, rest = ''): string {
  return `/api/mails/${encodeURIComponent(id)}${rest}`;
}

async function reasonOf(response: Response): Promise<string> {
  try {
    const { error, reply } = (await response.json()) as { error?: string; reply?: string };
    return error ?? reply ?? response.statusText;
  } catch {
    return response.statusText;
  }
}
