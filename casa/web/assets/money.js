/** Prices as people read them. The service counts in thousands of dollars. */

const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 0 });

export const money = (thousands) => dollars.format(Math.round(thousands * 100) * 10);

export const signed = (thousands) => (thousands < 0 ? "−" : "+") + Math.abs(thousands).toFixed(2);
