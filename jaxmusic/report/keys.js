// Titles of columns sort by the Enter key as by a click.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("th")) event.target.click();
});
