/** Makes elements of the page, with attributes, listeners and children, in one expression. */

type Value = string | number | boolean | ((event: Event) => void);

/** Attributes; `true` is one without a value, `false` is none; `onclick` … are listeners. */
export type Attributes = Readonly<Record<string, Value>>;

function attribute(target: Element, name: string, value: Value): void {
  if (typeof value === 'function') target.addEventListener(name.slice(2), value);
  else if (value === true) target.setAttribute(name, '');
  else if (value !== false) target.setAttribute(name, String(value));
}

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) attribute(made, name, value);
  made.append(...children);
  return made;
}

/** Changes the text only if it is another: whoever listens to it hears nothing twice. */
export function say(target: Element, words: string): void {
  if (target.textContent !== words) target.textContent = words;
}

/**
 * One of a few, as radio buttons: the arrow keys go through them, and the browser says which it is.
 */
export function choice<T extends string>(
  legend: string,
  name: string,
  options: readonly { readonly value: T; readonly words: string; readonly hint?: string }[],
  chosen: T,
  choose: (value: T) => void,
): HTMLFieldSetElement {
  return element(
    'fieldset',
    { class: `choice ${name}` },
    element('legend', {}, legend),
    ...options.map(({ value, words, hint }) =>
      element(
        'label',
        hint === undefined ? {} : { title: hint },
        element('input', {
          type: 'radio',
          name,
          value,
          checked: value === chosen,
          onchange: () => choose(value),
        }),
        element('span', {}, words),
      ),
    ),
  );
}

/** A button that says why it does nothing, instead of not being there for the keyboard. */
export function button(
  words: string,
  press: () => void,
  attributes: Attributes = {},
): HTMLButtonElement {
  return element('button', { type: 'button', ...attributes, onclick: press }, words);
}
