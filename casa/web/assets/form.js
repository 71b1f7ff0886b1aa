/** The form: thirteen fields, each number with a slider that goes with it. */

const form = document.getElementById("house");
const slider = (name) => form.querySelector(`[data-for="${name}"]`);

/** The house as it stands there; a field left empty is left out. */
export function readHouse() {
  const filled = [...new FormData(form)].filter(([, value]) => value !== "");
  return Object.fromEntries(filled.map(([name, value]) => [name, Number(value)]));
}

/** Tell `changed(house)` of the house now and whenever it changes. */
export function watchHouse(changed) {
  form.addEventListener("input", ({ target }) => {
    follow(target);
    changed(readHouse());
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("click", ({ target }) => {
    if (!target.dataset.house) return;
    fill(JSON.parse(target.dataset.house));
    changed(readHouse());
  });
  changed(readHouse());
}

function follow(target) {
  if (target.dataset.for) form.elements[target.dataset.for].value = target.value;
  else if (slider(target.name) && target.value !== "") slider(target.name).value = target.value;
}

function fill(house) {
  for (const [name, value] of Object.entries(house)) {
    form.elements[name].value = value;
    follow(form.elements[name]);
  }
}
