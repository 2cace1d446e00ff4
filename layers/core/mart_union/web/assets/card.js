// Cards are given to their processor, never to us: a form with [data-card] gets the processor's name of the card before it is sent.
"use strict";

(() => {
  const form = document.querySelector("form[data-card-key]");
  if (!form) return;
  const stripe = Stripe(form.dataset.cardKey);
  const said = form.querySelector("[data-card-said]");
  const button = form.querySelector("button");

  const say = (text) => {
    said.textContent = text;
    button.disabled = false;
  };

  if (form.dataset.cardSecret) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      const answer = await stripe.confirmCardPayment(form.dataset.cardSecret);
      if (answer.error) say(answer.error.message || form.dataset.cardFailed);
      else window.location.reload();
    });
    return;
  }

  const card = stripe.elements().create("card");
  card.mount(form.querySelector("[data-card]"));
  form.addEventListener("submit", async (event) => {
    const method = form.elements.method;
    if (method && method.value !== "card") return;
    event.preventDefault();
    button.disabled = true;
    let answer;
    try {
      answer = await stripe.createPaymentMethod({ type: "card", card });
    } catch {
      answer = {};
    }
    if (!answer.paymentMethod) {
      say((answer.error && answer.error.message) || form.dataset.cardFailed);
      return;
    }
    form.elements.payment_method.value = answer.paymentMethod.id;
    form.submit();
  });
})();
