-- Locks: nothing.
-- The reason of a movement comes in a setting of its transaction. It is good for one movement: the trigger takes it
-- away, so that no later change of stock in the same transaction can inherit it.
CREATE OR REPLACE FUNCTION octavo_record_movement() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  given text := nullif(current_setting('octavo.movement_reason', true), '');
BEGIN
  INSERT INTO stock_movements (book_id, delta, stock_after, reason)
  VALUES (NEW.id, NEW.stock - CASE WHEN TG_OP = 'UPDATE' THEN OLD.stock ELSE 0 END, NEW.stock, given);
  IF given IS NOT NULL THEN
    PERFORM set_config('octavo.movement_reason', '', true);
  END IF;
  RETURN NULL;
END
$$;
